"""A mail server for the tests: aiosmtpd keeps every message as a file of its own, NNN.eml, with its envelope in NNN.to.

mail.py PORT FOLDER [CERTIFICATE KEY]: with a certificate it takes nothing before STARTTLS.
"""

import asyncio
import itertools
import pathlib
import signal
import ssl
import sys

from aiosmtpd.controller import Controller


class Keep:
    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.numbers = itertools.count()

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = self.folder / f"{next(self.numbers):03}"
        name.with_suffix(".to").write_text("\n".join(envelope.rcpt_tos))
        name.with_suffix(".part").write_bytes(envelope.content)
        name.with_suffix(".part").rename(name.with_suffix(".eml"))
        return "250 kept"


async def main() -> None:
    port, folder, *certificate = sys.argv[1:]
    tls = None
    if certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(*certificate)
    controller = Controller(
        Keep(pathlib.Path(folder)), hostname="127.0.0.1", port=int(port), tls_context=tls, require_starttls=bool(tls)
    )
    controller.start()
    print("ready", flush=True)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await stop.wait()
    controller.stop()


asyncio.run(main())
