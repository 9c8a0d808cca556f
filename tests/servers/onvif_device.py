#!/usr/bin/env python3
"""An ONVIF device with an event service, for tests: SOAP 1.2 over HTTP, Python's standard library only.

It speaks GetSystemDateAndTime, GetCapabilities, GetServices, GetDeviceInformation, GetProfiles, GetStreamUri, CreatePullPointSubscription,
PullMessages, Renew, SetSynchronizationPoint and Unsubscribe (ONVIF Core Specification, chapters 8 and 9). It wants a WS-Security
UsernameToken with a password digest whose Created lies within five seconds of its own clock, accepts a nonce once, and allows one
subscription at a time, which expires unless it is renewed. A new subscriber is told the state of every property.

It prints one JSON line when it is ready: {"url": ..., "pid": ...}. On its standard input it takes one JSON line each:
  {"topic": "tns1:VideoSource/MotionAlarm", "source": {"Source": "v1"}, "data": {"State": "true"}}   a property changes
  {"topic": ..., "source": ..., "data": ..., "event": true}                                  an event that is no property
  {"forget": true}                                                                     forgets its subscriptions, like a reboot
and answers each with a JSON line, also {"status": true}: {"subscriptions", "created", "renewed", "ended", "expired", "refused", "operations"}.
SIGKILL is what a power cut looks like; --port starts it again at the same address.
"""

import argparse
import base64
import datetime
import hashlib
import json
import os
import re
import sys
import threading
import time
import xml.etree.ElementTree as ElementTree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape, quoteattr

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd}"
WSU = "{http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd}"
PREFIXES = (
    f'xmlns:s="{SOAP}" xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:ter="http://www.onvif.org/ver10/error" '
    'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:tds="http://www.onvif.org/ver10/device/wsdl" '
    'xmlns:tev="http://www.onvif.org/ver10/events/wsdl" xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:wsnt="http://docs.oasis-open.org/wsn/b-2" '
    'xmlns:tns1="http://www.onvif.org/ver10/topics" xmlns:wsrf-rw="http://docs.oasis-open.org/wsrf/rw-2"'
)
TOPIC_DIALECT = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"


class Refused(Exception):
    """A SOAP fault."""

    def __init__(self, subcode, reason, status=400, code="s:Sender"):
        super().__init__(reason)
        self.subcode, self.reason, self.status, self.code = subcode, reason, status, code


def seconds(text, now):
    """How long xs:duration (PT1M30S) or until when xs:dateTime says."""
    match = re.fullmatch(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?", text or "")
    if match:
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + rest
    try:
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() - now
    except (AttributeError, ValueError):
        raise Refused("ter:InvalidArgVal", f"{text!r} is neither a duration nor a time") from None


class Device:
    def __init__(self, options):
        self.options = options
        self.changed = threading.Condition()
        self.properties = {}
        self.subscriptions = {}
        self.nonces = set()
        self.operations = []
        self.counts = {"created": 0, "renewed": 0, "ended": 0, "expired": 0, "refused": 0}

    def now(self):
        return time.time() + self.options.clock_offset

    def stamp(self, at=None):
        at = self.now() if at is None else at
        return datetime.datetime.fromtimestamp(at, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def sweep(self):
        now = time.monotonic()
        for name in [name for name, one in self.subscriptions.items() if one["until"] < now]:
            del self.subscriptions[name]
            self.counts["expired"] += 1

    def message(self, topic, source, data, operation, at):
        def items(pairs):
            return "".join(f"<tt:SimpleItem Name={quoteattr(k)} Value={quoteattr(v)}/>" for k, v in pairs.items())

        operation = f' PropertyOperation="{operation}"' if operation else ""
        return (
            f'<wsnt:NotificationMessage><wsnt:Topic Dialect="{TOPIC_DIALECT}">{escape(topic)}</wsnt:Topic><wsnt:Message>'
            f'<tt:Message UtcTime="{self.stamp(at)}"{operation}><tt:Source>{items(source)}</tt:Source>'
            f"<tt:Data>{items(data)}</tt:Data></tt:Message></wsnt:Message></wsnt:NotificationMessage>"
        )

    def command(self, line):
        with self.changed:
            self.sweep()
            if line.get("forget"):
                self.subscriptions.clear()
                self.changed.notify_all()
            elif "topic" in line:
                source, data, now = line.get("source", {}), line.get("data", {}), self.now()
                operation = None if line.get("event") else "Changed"
                if operation:
                    self.properties[json.dumps([line["topic"], source], sort_keys=True)] = (line["topic"], source, data, now)
                for one in self.subscriptions.values():
                    one["queue"].append(self.message(line["topic"], source, data, operation, now))
                self.changed.notify_all()
            return {"subscriptions": len(self.subscriptions), **self.counts, "operations": self.operations}

    # ------------------------------------------------------------------------------------------------ Who asks

    def check(self, envelope):
        token = envelope.find(f".//{WSSE}UsernameToken")
        if token is None:
            raise Refused("ter:NotAuthorized", "Sender not authorized: no UsernameToken")
        username, password = token.findtext(f"{WSSE}Username"), token.find(f"{WSSE}Password")
        nonce, created = token.findtext(f"{WSSE}Nonce") or "", token.findtext(f"{WSU}Created") or ""
        if password is None or not (password.get("Type") or "").endswith("#PasswordDigest"):
            raise Refused("ter:NotAuthorized", "Sender not authorized: the password must be a digest")
        digest = hashlib.sha1(base64.b64decode(nonce) + created.encode() + self.options.password.encode()).digest()
        if username != self.options.user or base64.b64decode(password.text or "") != digest:
            raise Refused("ter:NotAuthorized", "Sender not authorized")
        age = self.now() - datetime.datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp()
        if abs(age) > 5:
            raise Refused("ter:NotAuthorized", f"Sender not authorized: Created is {age:.1f} s old")
        if nonce in self.nonces:
            raise Refused("ter:NotAuthorized", "Sender not authorized: the nonce was used before")
        self.nonces.add(nonce)

    # ---------------------------------------------------------------------------------------------- Operations

    def answer(self, path, document):
        if b"<!DOCTYPE" in document:
            raise Refused("ter:WellFormed", "no document types")
        try:
            envelope = ElementTree.fromstring(document)
        except ElementTree.ParseError as error:
            raise Refused("ter:WellFormed", str(error)) from None
        body = envelope.find(f"{{{SOAP}}}Body")
        if body is None or not len(body):
            raise Refused("ter:WellFormed", "no SOAP 1.2 body")
        operation = body[0].tag.rsplit("}", 1)[-1]
        with self.changed:
            self.operations.append(operation)
            if operation != "GetSystemDateAndTime":
                self.check(envelope)
            self.sweep()
            handler = getattr(self, "do_" + operation, None)
            if handler is None:
                raise Refused("ter:ActionNotSupported", f"{operation} is not supported", 500, "s:Receiver")
            return handler(path, body[0])

    def do_GetSystemDateAndTime(self, _path, _request):
        now = datetime.datetime.fromtimestamp(self.now(), datetime.timezone.utc)
        return (
            "<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType>"
            "<tt:DaylightSavings>false</tt:DaylightSavings><tt:TimeZone><tt:TZ>UTC0</tt:TZ></tt:TimeZone><tt:UTCDateTime>"
            f"<tt:Time><tt:Hour>{now.hour}</tt:Hour><tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second>"
            f"</tt:Time><tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month><tt:Day>{now.day}</tt:Day>"
            "</tt:Date></tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse>"
        )

    def do_GetDeviceInformation(self, _path, _request):
        return (
            "<tds:GetDeviceInformationResponse><tds:Manufacturer>Test</tds:Manufacturer><tds:Model>Events</tds:Model>"
            "<tds:FirmwareVersion>1</tds:FirmwareVersion><tds:SerialNumber>1</tds:SerialNumber>"
            "<tds:HardwareId>1</tds:HardwareId></tds:GetDeviceInformationResponse>"
        )

    def do_GetCapabilities(self, _path, _request):
        # A camera behind address translation names an address that nobody else can use: --inner does so.
        address = self.options.inner or self.options.address
        return (
            f"<tds:GetCapabilitiesResponse><tds:Capabilities><tt:Device><tt:XAddr>{address}/onvif/device_service</tt:XAddr>"
            f"</tt:Device><tt:Events><tt:XAddr>{address}/onvif/event_service</tt:XAddr>"
            "<tt:WSSubscriptionPolicySupport>false</tt:WSSubscriptionPolicySupport><tt:WSPullPointSupport>true"
            "</tt:WSPullPointSupport><tt:WSPausableSubscriptionManagerInterfaceSupport>false"
            "</tt:WSPausableSubscriptionManagerInterfaceSupport></tt:Events>"
            f"<tt:Media><tt:XAddr>{address}/onvif/media_service</tt:XAddr><tt:StreamingCapabilities><tt:RTPMulticast>false"
            "</tt:RTPMulticast><tt:RTP_TCP>true</tt:RTP_TCP><tt:RTP_RTSP_TCP>true</tt:RTP_RTSP_TCP></tt:StreamingCapabilities>"
            "</tt:Media></tds:Capabilities></tds:GetCapabilitiesResponse>"
        )

    def do_GetServices(self, _path, _request):
        address = self.options.inner or self.options.address
        services = [
            ("http://www.onvif.org/ver10/device/wsdl", "device"),
            ("http://www.onvif.org/ver10/events/wsdl", "event"),
            ("http://www.onvif.org/ver10/media/wsdl", "media"),
        ]
        return "<tds:GetServicesResponse>" + "".join(
            f"<tds:Service><tds:Namespace>{name}</tds:Namespace><tds:XAddr>{address}/onvif/{path}_service</tds:XAddr>"
            "<tds:Version><tt:Major>22</tt:Major><tt:Minor>12</tt:Minor></tds:Version></tds:Service>"
            for name, path in services
        ) + "</tds:GetServicesResponse>"

    def do_GetProfiles(self, _path, _request):
        if not self.options.stream:
            return "<trt:GetProfilesResponse/>"
        sizes = {"main": (320, 180), "sub": (160, 90)}
        return "<trt:GetProfilesResponse>" + "".join(
            f'<trt:Profiles token="{token}" fixed="true"><tt:Name>{token.capitalize()}</tt:Name>'
            f'<tt:VideoEncoderConfiguration token="e-{token}"><tt:Name>e-{token}</tt:Name><tt:UseCount>1</tt:UseCount>'
            f"<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>{sizes[token][0]}</tt:Width>"
            f"<tt:Height>{sizes[token][1]}</tt:Height></tt:Resolution>"
            "<tt:Quality>5</tt:Quality></tt:VideoEncoderConfiguration></trt:Profiles>"
            for token in self.streams()
        ) + "</trt:GetProfilesResponse>"

    def streams(self):
        """The RTSP addresses by the tokens of their profiles."""
        named = {"main": self.options.stream, "sub": self.options.sub}
        return {token: address for token, address in named.items() if address}

    def do_GetStreamUri(self, _path, request):
        token = request.findtext("{http://www.onvif.org/ver10/media/wsdl}ProfileToken")
        if token not in self.streams():
            raise Refused("ter:NoProfile", f"there is no profile {token}")
        return (
            f"<trt:GetStreamUriResponse><trt:MediaUri><tt:Uri>{escape(self.streams()[token])}</tt:Uri>"
            "<tt:InvalidAfterConnect>false</tt:InvalidAfterConnect><tt:InvalidAfterReboot>false</tt:InvalidAfterReboot>"
            "<tt:Timeout>PT0S</tt:Timeout></trt:MediaUri></trt:GetStreamUriResponse>"
        )

    def do_CreatePullPointSubscription(self, _path, request):
        if self.subscriptions:
            raise Refused("ter:MaxNotificationProducers", "one subscription at a time", 500, "s:Receiver")
        wanted = request.find("{http://www.onvif.org/ver10/events/wsdl}InitialTerminationTime")
        if wanted is None:
            # As some cameras do.
            raise Refused("ter:InvalidArgVal", "InitialTerminationTime is missing", 500, "s:Receiver")
        lifetime = min(seconds(wanted.text, self.now()), self.options.max_lifetime)
        name = os.urandom(4).hex()
        queue = [self.message(*known[:3], "Initialized", known[3]) for known in self.properties.values()]
        self.subscriptions[name] = {"until": time.monotonic() + lifetime, "queue": queue}
        self.counts["created"] += 1
        address = self.options.inner or self.options.address
        return (
            "<tev:CreatePullPointSubscriptionResponse><tev:SubscriptionReference>"
            f"<a:Address>{address}/onvif/subscription/{name}</a:Address></tev:SubscriptionReference>"
            f"<wsnt:CurrentTime>{self.stamp()}</wsnt:CurrentTime>"
            f"<wsnt:TerminationTime>{self.stamp(self.now() + lifetime)}</wsnt:TerminationTime>"
            "</tev:CreatePullPointSubscriptionResponse>"
        )

    def subscription(self, path):
        name = path.rsplit("/", 1)[-1]
        if name not in self.subscriptions:
            raise Refused("wsrf-rw:ResourceUnknownFault", "no such subscription; it may have expired", 500, "s:Receiver")
        return name, self.subscriptions[name]

    def do_PullMessages(self, path, request):
        tev = "{http://www.onvif.org/ver10/events/wsdl}"
        limit = int(request.findtext(f"{tev}MessageLimit") or 1)
        deadline = time.monotonic() + seconds(request.findtext(f"{tev}Timeout"), self.now())
        _, one = self.subscription(path)
        while not one["queue"] and time.monotonic() < deadline:
            self.changed.wait(deadline - time.monotonic())
            self.sweep()
            # It may have been ended meanwhile.
            self.subscription(path)
        messages, one["queue"] = one["queue"][:limit], one["queue"][limit:]
        until = self.now() + one["until"] - time.monotonic()
        return (
            f"<tev:PullMessagesResponse><tev:CurrentTime>{self.stamp()}</tev:CurrentTime>"
            f"<tev:TerminationTime>{self.stamp(until)}</tev:TerminationTime>{''.join(messages)}</tev:PullMessagesResponse>"
        )

    def do_Renew(self, path, request):
        _, one = self.subscription(path)
        wanted = request.findtext("{http://docs.oasis-open.org/wsn/b-2}TerminationTime")
        lifetime = min(seconds(wanted, self.now()), self.options.max_lifetime)
        one["until"] = time.monotonic() + lifetime
        self.counts["renewed"] += 1
        return (
            f"<wsnt:RenewResponse><wsnt:TerminationTime>{self.stamp(self.now() + lifetime)}</wsnt:TerminationTime>"
            f"<wsnt:CurrentTime>{self.stamp()}</wsnt:CurrentTime></wsnt:RenewResponse>"
        )

    def do_SetSynchronizationPoint(self, path, _request):
        _, one = self.subscription(path)
        one["queue"] += [self.message(*known[:3], "Initialized", known[3]) for known in self.properties.values()]
        return "<tev:SetSynchronizationPointResponse/>"

    def do_Unsubscribe(self, path, _request):
        name, _ = self.subscription(path)
        del self.subscriptions[name]
        self.counts["ended"] += 1
        self.changed.notify_all()
        return "<wsnt:UnsubscribeResponse/>"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        device = self.server.device
        length = int(self.headers.get("content-length") or 0)
        if length > 1 << 20:
            self.send_error(413)
            return
        try:
            body, status = device.answer(self.path, self.rfile.read(length)), 200
        except Refused as refused:
            device.counts["refused"] += 1
            status = refused.status
            body = (
                f"<s:Fault><s:Code><s:Value>{refused.code}</s:Value><s:Subcode><s:Value>{refused.subcode}</s:Value>"
                f'</s:Subcode></s:Code><s:Reason><s:Text xml:lang="en">{escape(refused.reason)}</s:Text></s:Reason></s:Fault>'
            )
        answer = f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope {PREFIXES}><s:Body>{body}</s:Body></s:Envelope>'.encode()
        self.send_response(status)
        self.send_header("content-type", "application/soap+xml; charset=utf-8")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_arguments):
        # Clients that hang up while they wait.
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--user", default="viewer")
    parser.add_argument("--password", default="secret")
    parser.add_argument("--clock-offset", type=float, default=0, help="seconds by which its clock is ahead")
    parser.add_argument("--max-lifetime", type=float, default=3600, help="seconds after which a subscription expires at the latest")
    parser.add_argument("--stream", help="the RTSP address of its profile of 320 x 180; no profiles when left out")
    parser.add_argument("--sub", help="the RTSP address of a second profile, of 160 x 90; none when left out")
    parser.add_argument("--inner", help="the address it gives for its services instead of its own")
    options = parser.parse_args()
    server = Server((options.host, options.port), Handler)
    options.address = f"http://{options.host}:{server.server_port}"
    server.device = Device(options)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(json.dumps({"url": f"{options.address}/onvif/device_service", "pid": os.getpid()}), flush=True)
    for line in sys.stdin:
        print(json.dumps(server.device.command(json.loads(line))), flush=True)
    # Whoever started it is gone.


if __name__ == "__main__":
    main()
