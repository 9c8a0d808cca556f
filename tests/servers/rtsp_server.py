#!/usr/bin/python3
"""A real RTSP server (GStreamer) that behaves like a camera, for tests and demonstrations.

It serves a file in a loop, without re-encoding (every access unit is sent as it stands in the file), or a test pattern
with the wall time burnt in. Needs Debian's python3-gi, gir1.2-gst-rtsp-server-1.0 and the GStreamer plug-ins base, good,
bad and ugly; run it with the system's Python.

It prints one JSON line when it is ready: {"url": ..., "pid": ...}. Signals: SIGUSR1 stops the pictures while connections
stay, SIGUSR2 lets them come again, SIGTERM ends it in order; SIGKILL is what a power cut looks like.

The frame log has a JSON line for each picture that was handed to the network: its number, its number in the file, its
time stamp in nanoseconds since the begin of the media, and the wall time in microseconds since 1970 at which it was due.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

Gst.init(None)

METADATA = (
    '<?xml version="1.0" encoding="UTF-8"?><tt:MetadataStream xmlns:tt="http://www.onvif.org/ver10/schema">'
    '<tt:VideoAnalytics><tt:Frame UtcTime="{time}"/></tt:VideoAnalytics></tt:MetadataStream>'
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--path", default="/cam")
    parser.add_argument("--file", help="MP4 or Matroska with H.264 or H.265 (and AAC); served in a loop")
    parser.add_argument("--fps", type=int, default=15, help="test pattern: pictures a second")
    parser.add_argument("--gop", type=int, default=30, help="test pattern: pictures from key frame to key frame")
    parser.add_argument("--width", type=int, default=640)
    parser.add_argument("--height", type=int, default=360)
    parser.add_argument("--kbps", type=int, default=500)
    parser.add_argument("--profile", choices=["baseline", "main", "high"], default="baseline")
    parser.add_argument("--bframes", type=int, default=0, help="test pattern: pictures between reference pictures")
    parser.add_argument("--audio", action="store_true", help="with sound (test pattern: a tone)")
    parser.add_argument("--metadata", action="store_true", help="with an ONVIF metadata track, one document a second")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--frame-log")
    return parser.parse_args()


class FrameLog:
    def __init__(self, path):
        self.file = open(path, "a", buffering=1, encoding="utf-8") if path else None
        self.count = 0

    def write(self, source, pts, wall_us):
        if self.file:
            line = {"n": self.count, "source": source, "pts_ns": pts, "wall_us": wall_us}
            self.file.write(json.dumps(line) + "\n")
        self.count += 1


class Track:
    """The access units of one track of a file: time stamps in nanoseconds from the first, and bytes."""

    def __init__(self, caps):
        self.caps = caps
        self.units = []
        self.length = 0


def read_track(path, kind):
    """Reads one track of a file whole; None when there is none."""
    if kind == "audio":
        return run_reader(path, "audio/mpeg", "aacparse", "audio/mpeg,stream-format=raw")
    for parser, codec in (("h264parse", "video/x-h264"), ("h265parse", "video/x-h265")):
        track = run_reader(path, codec, parser, f"{codec},stream-format=byte-stream,alignment=au")
        if track:
            return track
    return None


def run_reader(path, caps, parser, wanted):
    pipeline = Gst.Pipeline()
    source, parsebin, parts, sink = (Gst.ElementFactory.make(name) for name in ("filesrc", "parsebin", parser, "appsink"))
    source.set_property("location", path)
    sink.set_property("sync", False)
    sink.set_property("caps", Gst.Caps.from_string(wanted))
    for element in (source, parsebin, parts, sink):
        pipeline.add(element)
    source.link(parsebin)
    parts.link(sink)
    linked = []

    def pad_added(_bin, pad):
        name = (pad.get_current_caps() or pad.query_caps(None)).get_structure(0).get_name()
        if name == caps and not linked:
            linked.append(pad)
            pad.link(parts.get_static_pad("sink"))
        else:
            away = Gst.ElementFactory.make("fakesink")
            # It must not wait for a first buffer: one thread feeds all pads.
            away.set_property("async", False)
            away.set_property("sync", False)
            pipeline.add(away)
            away.sync_state_with_parent()
            pad.link(away.get_static_pad("sink"))

    parsebin.connect("pad-added", pad_added)
    parsebin.connect("no-more-pads", lambda _bin: None if linked else parts.get_static_pad("sink").send_event(Gst.Event.new_eos()))
    pipeline.set_state(Gst.State.PLAYING)
    track = None
    while True:
        sample = sink.emit("try-pull-sample", 10 * Gst.SECOND)
        if sample is None:
            break
        buffer = sample.get_buffer()
        if track is None:
            track = Track(sample.get_caps())
        data = buffer.extract_dup(0, buffer.get_size())
        track.units.append((buffer.pts, buffer.dts, buffer.duration, data))
    pipeline.set_state(Gst.State.NULL)
    if track:
        units = [(pts, dts if dts != Gst.CLOCK_TIME_NONE else pts, length, data) for pts, dts, length, data in track.units]
        # Reordered pictures are decoded before the first is shown.
        first = min(min(pts, dts) for pts, dts, _, _ in units)
        track.units = [(pts - first, dts - first, length, data) for pts, dts, length, data in units]
        last = max(track.units)
        step = last[2] if last[2] not in (0, Gst.CLOCK_TIME_NONE) else last[0] // max(1, len(track.units) - 1)
        track.length = last[0] + step - min(unit[0] for unit in track.units)
    return track


class Camera(GstRtspServer.RTSPMediaFactory):
    def __init__(self, options, log):
        super().__init__()
        self.options = options
        self.log = log
        self.paused = threading.Event()
        self.video = read_track(options.file, "video") if options.file else None
        self.audio = read_track(options.file, "audio") if options.file and options.audio else None
        if options.file and not self.video:
            sys.exit(f"{options.file}: no H.264 or H.265 video")
        self.stopped = []
        self.set_shared(True)
        self.set_launch(self.launch())
        self.connect("media-configure", self.configure)

    def launch(self):
        options = self.options
        parts = []
        if self.video:
            name = self.video.caps.get_structure(0).get_name()
            codec = "h264" if name == "video/x-h264" else "h265"
            parts.append(
                "appsrc name=video is-live=true format=time max-bytes=0 block=false "
                f"! {codec}parse config-interval=0 ! rtp{codec}pay name=pay0 pt=96 config-interval=-1"
            )
            if self.audio:
                parts.append("appsrc name=audio is-live=true format=time ! aacparse ! rtpmp4gpay name=pay1 pt=97")
        else:
            tune = "tune=zerolatency" if not options.bframes else ""
            parts.append(
                "videotestsrc is-live=true pattern=smpte "
                f"! video/x-raw,width={options.width},height={options.height},framerate={options.fps}/1 "
                '! clockoverlay time-format="%Y-%m-%d %H:%M:%S" halignment=left valignment=top '
                "! timeoverlay halignment=right valignment=bottom ! identity name=frames "
                f"! x264enc {tune} speed-preset=ultrafast bitrate={options.kbps} key-int-max={options.gop} "
                f"bframes={options.bframes} byte-stream=true "
                f"! video/x-h264,profile={options.profile} ! rtph264pay name=pay0 pt=96 config-interval=-1"
            )
            if options.audio:
                parts.append(
                    "audiotestsrc is-live=true wave=ticks ! audio/x-raw,rate=16000,channels=1 ! audioconvert "
                    "! avenc_aac ! aacparse ! rtpmp4gpay name=pay1 pt=97"
                )
        if options.metadata:
            number = len(parts)
            parts.append(
                # GStreamer 1.22 has no payloader for it: packets are made below, and pass through an element that the
                # server takes for one (it adds forward error correction, here none).
                "appsrc name=metadata is-live=true format=time do-timestamp=true "
                "caps=application/x-rtp,media=application,encoding-name=VND.ONVIF.METADATA,clock-rate=90000,payload=107 "
                f"! rtpulpfecenc name=pay{number} percentage=0"
            )
        return "( " + " ".join(parts) + " )"

    def configure(self, _factory, media):
        element = media.get_element()
        stop = threading.Event()
        self.stopped.append(stop)
        media.connect("unprepared", lambda _media: stop.set())
        if self.video:
            sources = [(element.get_by_name("video"), self.video, True)]
            if self.audio:
                sources.append((element.get_by_name("audio"), self.audio, False))
            for source, track, _ in sources:
                source.set_property("caps", track.caps)
            threading.Thread(target=self.feed, args=(media, sources, stop), daemon=True).start()
        else:
            pad = element.get_by_name("frames").get_static_pad("src")
            pad.add_probe(Gst.PadProbeType.BUFFER, self.probe)
        if self.options.metadata:
            source = element.get_by_name("metadata")
            threading.Thread(target=self.feed_metadata, args=(source, stop), daemon=True).start()

    def probe(self, _pad, info):
        if self.paused.is_set():
            return Gst.PadProbeReturn.DROP
        self.log.write(None, info.get_buffer().pts, int(time.time() * 1e6))
        return Gst.PadProbeReturn.OK

    def feed(self, media, sources, stop):
        """Hands the access units of all tracks over when they are due, in a loop."""
        length = sources[0][1].length
        schedule = []
        for which, (_, track, _) in enumerate(sources):
            # In decoding order, due by decoding time.
            schedule += [(unit[1], which, at) for at, unit in enumerate(track.units) if unit[1] < length]
        schedule.sort()
        begun = time.time()
        turn = 0
        while not stop.is_set():
            for due, which, at in schedule:
                source, track, is_video = sources[which]
                pts, dts, duration, data = track.units[at]
                offset = turn * length
                wait = begun + (offset + due) / 1e9 - time.time()
                if wait > 0:
                    time.sleep(wait)
                if stop.is_set():
                    return
                if self.paused.is_set():
                    continue
                buffer = Gst.Buffer.new_wrapped(data)
                # Time stamps are running times: media starts to run when it starts to be fed.
                buffer.pts = offset + pts
                buffer.dts = offset + dts
                buffer.duration = duration
                if is_video:
                    self.log.write(at, buffer.pts, int((begun + buffer.pts / 1e9) * 1e6))
                if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                    return
            turn += 1

    def feed_metadata(self, source, stop):
        wait = 0.0  # The session description is made when every track has sent something.
        sequence, begun = 1, time.monotonic()
        while not stop.wait(wait):
            wait = 1.0
            now = time.time()
            stamp = int((time.monotonic() - begun) * 90_000) & 0xFFFFFFFF
            text = METADATA.format(time=time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now * 1000) % 1000:03}Z")
            # RFC 3550, 5.1: version 2, marker, type 107, number, time stamp, source.
            header = bytes([0x80, 0x80 | 107]) + sequence.to_bytes(2, "big") + stamp.to_bytes(4, "big") + b"LPTV"
            if source.emit("push-buffer", Gst.Buffer.new_wrapped(header + text.encode())) != Gst.FlowReturn.OK:
                return
            sequence = sequence + 1 & 0xFFFF


def main():
    options = arguments()
    server = GstRtspServer.RTSPServer()
    server.set_address(options.host)
    server.set_service(str(options.port))
    camera = Camera(options, FrameLog(options.frame_log))
    if options.user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(options.user, options.password or ""), token)
        server.set_auth(auth)
        camera.add_role_from_structure(
            Gst.Structure.new_from_string("viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true")
        )
    server.get_mount_points().add_factory(options.path, camera)
    if server.attach(None) == 0:
        sys.exit(f"cannot listen on {options.host}:{options.port}")
    loop = GLib.MainLoop()
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGUSR1, lambda: camera.paused.set() or True)
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGUSR2, lambda: camera.paused.clear() or True)
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGTERM, loop.quit)
    GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGINT, loop.quit)
    # Sessions of clients that vanished are forgotten now and then.
    GLib.timeout_add_seconds(5, lambda: server.get_session_pool().cleanup() or True)
    url = f"rtsp://{options.host}:{server.get_bound_port()}{options.path}"
    print(json.dumps({"url": url, "pid": os.getpid()}), flush=True)
    loop.run()


if __name__ == "__main__":
    main()
