"""A signing process that misbehaves as its module's name says, at the end of the real wire; it never signs.

Tries of the PIN are counted in the file the token is called by.
"""

import os
import socket
import time
from pathlib import Path

from gateway.formats import strictjson
from gateway.signing.keys.frames import HEADER, Kind, frame

FLAGS = {"locked": "locked", "final": "final_try", "low": "count_low"}
LOGIN = {
    "wrong": "pin.wrong x",
    "expired": "pin.expired x",
    "len": "pin.wrong PinLenRange",
    "gone": "lost DeviceRemoved",
}


def main() -> None:
    line = socket.socket(fileno=os.dup(0))
    with line.makefile("rb") as incoming:
        manner, tries = "", Path()
        while header := incoming.read(HEADER.size):
            length, number, kind = HEADER.unpack(header)
            body = incoming.read(length)
            if kind == Kind.OPEN:
                asked = strictjson.loads(body)
                manner, tries = Path(asked["module"]).name, Path(asked["token"])
                told = {"serial": "1"} | ({FLAGS[manner]: True} if manner in FLAGS else {})
                answer = frame(number, Kind.DONE, strictjson.dumps(told))
            elif kind == Kind.LOGIN:
                with tries.open("ab") as file:
                    file.write(b"x")
                if manner == "hang":
                    time.sleep(60)
                if manner == "die":
                    os._exit(1)
                answer = frame(number, Kind.FAILED, LOGIN.get(manner, "failed x").encode())
                if manner == "babble":
                    answer = b"\xff" * 64
            line.sendall(answer)
