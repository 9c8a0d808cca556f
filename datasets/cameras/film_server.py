#!/usr/bin/python3
"""The demo's cameras: a real RTSP server (GStreamer) that shows films in real time, in a loop, and can be made to fail.

Each camera has an address of its own. A film is decoded as it is shown; the wall time, the number of the picture in the
film and, if it has one, the till's display are painted into it; then it is encoded (H.264, a key frame each second). A
film goes on while nobody watches, as the world before a camera does. Needs Debian's ffmpeg, python3-gi,
gir1.2-gst-rtsp-server-1.0 and the GStreamer plug-ins base, good, bad and ugly; run it with the system's Python.

When it is ready it prints {"ready": true, "pid": ..., "cameras": {name: {"url": ..., "begun_us": ...}}}: picture 0 of the film
was due at begun_us (wall time, microseconds since 1970), picture n follows n / fps later. Then it takes commands, one JSON object a
line on its standard input, and answers each with a line {"ok": true, "wall_us": when it took effect} or {"ok": false, "error": ...}:

  {"do": "unplug", "camera": NAME}    cuts every session and refuses new ones; the film goes on
  {"do": "plug", "camera": NAME}      listens again, at the same address
  {"do": "freeze", "camera": NAME}    sends the picture that was last shown, clock and all, over and over; no metadata
  {"do": "thaw", "camera": NAME}      shows the film again, where it has got to meanwhile
  {"do": "black", "camera": NAME}     covers the lens: a black picture with a running clock; no metadata
  {"do": "light", "camera": NAME}     uncovers it
  {"do": "show", "camera": NAME, "text": TEXT}  what the till's display says
  {"do": "quit"}                      ends it; so do the end of its input and SIGTERM

The frame log has a JSON line for every picture of the film: {"n": counted from the start, "source": its number in the film,
"wall_us": when it was due, "state": "shown", "frozen", "black" or "unplugged"}; "late_us" if it came later than a picture's length.
"""

import argparse
import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)

SCALE = 3
ROWS, COLUMNS = 7, 6
STRIP = SCALE * (ROWS + 2)
DARK, BRIGHT = b"\x10", b"\xeb"


def read_font(path):
    """From a character to its seven rows, scaled, as bytes of brightness; a column of space follows."""
    font = {}
    lines = pathlib.Path(path).read_text(encoding="ascii").split("\n")
    for at, line in enumerate(lines):
        if line.startswith("glyph "):
            rows = lines[at + 1 : at + 1 + ROWS]
            font[chr(int(line[6:]))] = [
                b"".join((BRIGHT if pixel == "#" else DARK) * SCALE for pixel in row) + DARK * SCALE for row in rows
            ]
    return font


class Painter:
    """Writes lines of text into the brightness of an I420 picture, on a dark strip."""

    def __init__(self, font, width, height):
        self.font, self.width, self.height = font, width, height
        self.cells = width // (COLUMNS * SCALE) - 1
        self.chroma = width * height

    def paint(self, picture, text, top):
        width = self.width
        glyphs = [self.font.get(letter) or self.font["?"] for letter in text[: self.cells].upper()]
        blank = DARK * width
        for row in range(STRIP):
            inner = row // SCALE - 1
            if 0 <= inner < ROWS:
                line = (DARK * (COLUMNS * SCALE // 2) + b"".join(glyph[inner] for glyph in glyphs)).ljust(width, DARK)
            else:
                line = blank
            start = (top + row) * width
            picture[start : start + width] = line
        half = width // 2
        grey = b"\x80" * (half * ((STRIP + 1) // 2))
        for plane in (self.chroma, self.chroma + half * (self.height // 2)):
            start = plane + top // 2 * half
            picture[start : start + len(grey)] = grey


class Film:
    """The pictures of a file as I420, in a loop."""

    def __init__(self, path, size):
        self.size = size
        self.process = subprocess.Popen(
            ["ffmpeg", "-v", "fatal", "-nostdin", "-stream_loop", "-1", "-threads", "1", "-i", path, "-an",
             "-fps_mode", "passthrough", "-pix_fmt", "yuv420p", "-f", "rawvideo", "pipe:1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            bufsize=0,
        )

    def read(self):
        """The next picture; None when the decoder has ended."""
        picture = bytearray(self.size)
        view, filled = memoryview(picture), 0
        while filled < self.size:
            got = self.process.stdout.readinto(view[filled:])
            if not got:
                return None
            filled += got
        return picture

    def close(self):
        self.process.kill()
        self.process.wait()


class Metadata:
    """ONVIF metadata documents of what the label file says, in RTP packets."""

    def __init__(self, labels, width, height):
        self.width, self.height = width, height
        self.boxes = {}
        for sight in labels["sights"]:
            self.boxes.setdefault(sight["picture"], []).append(sight["corners"])

    def document(self, source, wall):
        objects = ""
        for number, (left, top, right, bottom) in enumerate(self.boxes.get(source, []), 1):
            left, right = left * self.width, right * self.width
            top, bottom = top * self.height, bottom * self.height
            objects += (
                f'<tt:Object ObjectId="{number}"><tt:Appearance><tt:Shape>'
                f'<tt:BoundingBox left="{left:.1f}" top="{top:.1f}" right="{right:.1f}" bottom="{bottom:.1f}"/>'
                f'<tt:CenterOfGravity x="{(left + right) / 2:.1f}" y="{(top + bottom) / 2:.1f}"/></tt:Shape>'
                '<tt:Class><tt:Type Likelihood="0.90">Human</tt:Type></tt:Class></tt:Appearance></tt:Object>'
            )
        stamp = datetime.datetime.fromtimestamp(wall, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        return (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema"><tt:VideoAnalytics>'
            f'<tt:Frame UtcTime="{stamp}Z"><tt:Transformation><tt:Translate x="-1.0" y="1.0"/>'
            f'<tt:Scale x="{2 / self.width:.9f}" y="{-2 / self.height:.9f}"/></tt:Transformation>'
            f"{objects}</tt:Frame></tt:VideoAnalytics></tt:MetadataStream>"
        ).encode()


class Viewer:
    """One prepared media: where its pictures and documents go."""

    def __init__(self, element):
        self.video = element.get_by_name("video")
        self.metadata = element.get_by_name("metadata")
        self.begun = time.time()
        self.sequence = 1

    def push(self, picture, wall, fps):
        # Time stamps are running times: media starts to run when it is made.
        if wall < self.begun:
            return
        buffer = Gst.Buffer.new_wrapped(picture)
        buffer.pts = buffer.dts = int((wall - self.begun) * 1e9)
        buffer.duration = Gst.SECOND // fps
        self.video.emit("push-buffer", buffer)

    def push_document(self, document, wall):
        if self.metadata is None:
            return
        stamp = int((wall - self.begun) * 90_000) & 0xFFFFFFFF
        # RFC 3550, 5.1: version 2, type 107, number, time stamp, source; the marker ends a document. A document that is
        # too long for one packet goes on in the next.
        pieces = [document[at : at + 1200] for at in range(0, len(document), 1200)]
        for number, piece in enumerate(pieces, 1):
            marker = 0x80 if number == len(pieces) else 0
            header = bytes([0x80, marker | 107]) + self.sequence.to_bytes(2, "big") + stamp.to_bytes(4, "big") + b"LPTV"
            self.sequence = self.sequence + 1 & 0xFFFF
            self.metadata.emit("push-buffer", Gst.Buffer.new_wrapped(header + piece))


class Camera(GstRtspServer.RTSPMediaFactory):
    def __init__(self, setup, host, font):
        super().__init__()
        self.name = setup["name"]
        self.fps, self.pictures = setup["fps"], setup["pictures"]
        self.width, self.height = setup["size"]
        self.kbps = setup.get("kbps", 1200)
        self.file = setup["file"]
        self.painter = Painter(font, self.width, self.height)
        labels = setup.get("labels")
        self.documents = None
        if labels:
            self.documents = Metadata(json.loads(pathlib.Path(labels).read_text()), self.width, self.height)
        self.log = open(setup["frame_log"], "a", buffering=1, encoding="utf-8") if setup.get("frame_log") else None
        self.display = setup.get("display")
        self.plugged, self.frozen, self.dark, self.over = True, False, False, threading.Event()
        self.lock = threading.Lock()
        self.viewers = []
        self.begun = None
        self.host, self.port, self.source = host, setup.get("port", 0), None
        self.set_shared(True)
        self.set_launch(self.launch())
        self.connect("media-configure", self.configure)
        self.server = None
        self.listen()

    def launch(self):
        text = (
            "( appsrc name=video is-live=true format=time max-bytes=8000000 block=false "
            f"caps=video/x-raw,format=I420,width={self.width},height={self.height},framerate={self.fps}/1 "
            f"! x264enc tune=zerolatency speed-preset=ultrafast threads=1 sliced-threads=false bitrate={self.kbps} "
            f"vbv-buf-capacity=2000 key-int-max={self.fps} bframes=0 byte-stream=true option-string=scenecut=0 "
            "! video/x-h264,profile=baseline ! rtph264pay name=pay0 pt=96 config-interval=-1"
        )
        if self.documents:
            text += (
                # GStreamer 1.22 has no payloader for it: packets are made above, and pass through an element that the
                # server takes for one (it adds forward error correction, here none).
                " appsrc name=metadata is-live=true format=time do-timestamp=true "
                "caps=application/x-rtp,media=application,encoding-name=VND.ONVIF.METADATA,clock-rate=90000,payload=107 "
                "! rtpulpfecenc name=pay1 percentage=0"
            )
        return text + " )"

    def listen(self):
        # A server whose port was closed is not used again.
        self.server = GstRtspServer.RTSPServer()
        self.server.set_address(self.host)
        self.server.set_service(str(self.port))
        self.server.get_mount_points().add_factory("/" + self.name, self)
        self.source = self.server.attach(None)
        if self.source == 0:
            raise OSError(f"cannot listen on {self.host}:{self.port}")
        self.port = self.server.get_bound_port()

    def url(self):
        return f"rtsp://{self.host}:{self.port}/{self.name}"

    def configure(self, _factory, media):
        viewer = Viewer(media.get_element())
        with self.lock:
            self.viewers.append(viewer)
        media.connect("unprepared", lambda _media: self.forget(viewer))

    def forget(self, viewer):
        with self.lock:
            if viewer in self.viewers:
                self.viewers.remove(viewer)

    def plug(self):
        if not self.plugged:
            self.listen()
            self.plugged = True

    def unplug(self):
        if self.plugged:
            GLib.source_remove(self.source)
            for client in self.server.client_filter(None):
                client.close()
            self.server.get_mount_points().remove_factory("/" + self.name)
            self.plugged = False

    def run(self):
        film = Film(self.file, self.width * self.height * 3 // 2)
        picture = film.read()
        if picture is None:
            print(f"{self.file}: no pictures of {self.width}x{self.height}", file=sys.stderr)
            os.kill(os.getpid(), signal.SIGTERM)
            return
        self.begun = time.time()
        number, held, held_source = 0, None, 0
        while not self.over.is_set() and picture is not None:
            due = self.begun + number / self.fps
            source = number % self.pictures
            if self.over.wait(max(0.0, due - time.time())):
                break
            state = "shown"
            if self.frozen and held is not None:
                state, out, shown = "frozen", held, held_source
            else:
                if self.dark:
                    state = "black"
                    area = self.width * self.height
                    picture[:area] = b"\x10" * area
                    picture[area:] = b"\x80" * (area // 2)
                self.annotate(picture, source, due)
                out = held = bytes(picture)
                shown = held_source = source
            if not self.plugged:
                state = "unplugged"
            self.note(number, shown, due, state)
            with self.lock:
                viewers = list(self.viewers) if self.plugged else []
            document = None
            # Twice a second; a camera that hangs or is covered says nothing.
            if self.documents and state == "shown" and number % max(1, self.fps // 2) == 0:
                document = self.documents.document(source, due)
            for viewer in viewers:
                viewer.push(out, due, self.fps)
                if document:
                    viewer.push_document(document, due)
            number += 1
            picture = film.read()
        film.close()
        if picture is None:
            print(f"{self.file}: the decoder ended", file=sys.stderr)
            os.kill(os.getpid(), signal.SIGTERM)

    def annotate(self, picture, source, wall):
        tenths = int(wall * 10 + 0.5)
        clock = datetime.datetime.fromtimestamp(tenths // 10, datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        self.painter.paint(picture, f"{clock}.{tenths % 10}Z #{source:05}", self.height - STRIP - 1)
        if self.display is not None:
            self.painter.paint(picture, self.display, 0)

    def note(self, number, source, due, state):
        if not self.log:
            return
        line = {"n": number, "source": source, "wall_us": int(due * 1e6), "state": state}
        late = time.time() - due
        if late > 1 / self.fps:
            line["late_us"] = int(late * 1e6)
        self.log.write(json.dumps(line) + "\n")


def obey(cameras, command):
    """Does what a command says; an error in words if it cannot."""
    what = command.get("do")
    camera = cameras.get(command.get("camera"))
    if camera is None:
        return f"there is no camera {command.get('camera')!r}"
    if what in ("plug", "unplug"):
        getattr(camera, what)()
    elif what in ("freeze", "thaw"):
        camera.frozen = what == "freeze"
    elif what in ("black", "light"):
        camera.dark = what == "black"
    elif what == "show":
        camera.display = str(command.get("text", ""))
    else:
        return f"unknown command {what!r}"
    return None


def listen_to(stdin, cameras, loop):
    def answer(line):
        try:
            command = json.loads(line)
            error = obey(cameras, command) if isinstance(command, dict) else "a command is a JSON object"
        except (ValueError, OSError) as problem:
            error = str(problem)
        wall = int(time.time() * 1e6)
        print(json.dumps({"ok": False, "error": error} if error else {"ok": True, "wall_us": wall}), flush=True)
        return False

    for line in stdin:
        if not line.strip():
            continue
        if '"quit"' in line:
            print(json.dumps({"ok": True, "wall_us": int(time.time() * 1e6)}), flush=True)
            break
        GLib.idle_add(answer, line)
    GLib.idle_add(loop.quit)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--font", default=str(pathlib.Path(__file__).with_name("font.txt")))
    parser.add_argument(
        "--camera", action="append", required=True, metavar="JSON",
        help='{"name", "file", "size": [width, height], "fps", "pictures"} and, as wanted, "kbps", "port", "labels", '
        '"frame_log", "display" (the first text)',
    )
    options = parser.parse_args()
    font = read_font(options.font)
    cameras = {}
    for text in options.camera:
        camera = Camera(json.loads(text), options.host, font)
        cameras[camera.name] = camera
    loop = GLib.MainLoop()
    for number in (signal.SIGTERM, signal.SIGINT):
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, number, loop.quit)
    threads = [threading.Thread(target=camera.run, daemon=True) for camera in cameras.values()]
    for thread in threads:
        thread.start()
    while any(camera.begun is None and thread.is_alive() for camera, thread in zip(cameras.values(), threads)):
        time.sleep(0.01)
    ready = {
        camera.name: {"url": camera.url(), "begun_us": int(camera.begun * 1e6)}
        for camera in cameras.values()
        if camera.begun is not None
    }
    if len(ready) != len(cameras):
        sys.exit(1)
    # Sessions of clients that vanished are forgotten now and then.
    GLib.timeout_add_seconds(
        5, lambda: [camera.server.get_session_pool().cleanup() for camera in cameras.values()] and True
    )
    print(json.dumps({"ready": True, "pid": os.getpid(), "cameras": ready}), flush=True)
    threading.Thread(target=listen_to, args=(sys.stdin, cameras, loop), daemon=True).start()
    loop.run()
    for camera in cameras.values():
        camera.over.set()
    for thread in threads:
        thread.join(2)


if __name__ == "__main__":
    main()
