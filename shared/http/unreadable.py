"""What cannot be read as HTTP at all never becomes a request of ours; it is refused with a problem document as well."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import Refusal
from shared.http.problems import rendered


class Unreadable(Refusal):
    """Broken lines, or an address or headers longer than the parser takes."""

    type = "unreadable"
    title = "This is no HTTP request that can be read"


class Protocol(HttpToolsProtocol):
    """The server's own, with this one answer in other words."""

    def send_400_response(self, msg: str) -> None:
        answer = rendered(Unreadable(f"{msg.rstrip('.')}; an address or header may also be too long"))
        head = [b"HTTP/1.1 400 Bad Request", *(b": ".join(each) for each in answer.raw_headers), b"connection: close"]
        self.transport.write(b"\r\n".join([*head, b"", bytes(answer.body)]))
        self.transport.close()
