"""Reads a mail of a report as any mail program would, and writes its parts beside it.

usage: mail.py message.eml folder; prints what it found as JSON.
"""

import email
import email.policy
import html.parser
import json
import pathlib
import sys


class Page(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.images: list[dict[str, str]] = []
        self.links: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag == "a":
            self.links.append(dict(attrs)["href"])


message = email.message_from_bytes(pathlib.Path(sys.argv[1]).read_bytes(), policy=email.policy.default)
folder = pathlib.Path(sys.argv[2])
defects = [str(defect) for part in message.walk() for defect in part.defects]
text = message.get_body(("plain",)).get_content()
page = message.get_body(("html",)).get_content()
read = Page()
read.feed(page)
cids = {part["content-id"].strip("<>") for part in message.walk() if part["content-id"]}
asked = {image["src"].removeprefix("cid:") for image in read.images}
files = {}
for part in message.iter_attachments():
    name = part.get_filename()
    files[name] = part.get_content_type()
    content = part.get_content()
    (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
(folder / "page.html").write_text(page)
print(
    json.dumps(
        {
            "subject": message["subject"],
            "id": message["message-id"],
            "to": message["to"],
            "automatic": message["auto-submitted"],
            "defects": defects,
            "text": text,
            "html_bytes": len(page.encode()),
            "tags": sorted(read.tags),
            "without_alt": [image for image in read.images if not image.get("alt")],
            "wide": [image for image in read.images if int(image["width"]) > 600],
            "cids": sorted(cids),
            "cids_match": cids == asked,
            "links": read.links,
            "files": files,
        }
    )
)
