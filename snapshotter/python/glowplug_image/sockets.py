"""What a socket is: its addresses, and whether it has a far end."""

from glowplug_image import own_imports
from glowplug_image.watch_network import FAMILIES, address_text

UNIX, INTERNET, INTERNET6 = 1, 2, 10
CLOSE = (
    "close it before the image is taken (in a function registered with glowplug.before_snapshot), or make it in the "
    "handler when it is first needed"
)
LISTEN = "listen in the handler only: nothing can connect to a function while it is restored"
# Options of a fresh socket that programs set: (level, name) of <asm/socket.h>, <netinet/in.h>.
OPTIONS = ((1, 2), (1, 6), (1, 9), (1, 15), (6, 1))  # REUSEADDR, BROADCAST, KEEPALIVE, REUSEPORT, TCP_NODELAY


class State:
    """A socket's state. `socket` shares the descriptor: it is to be detached, not closed."""

    def __init__(self, number, bound_by_kernel):
        self.number = number
        sockets = own_imports.load("_socket")
        self.socket = sockets.socket(fileno=number)
        self.family = int(self.socket.family)
        self.name = self.asked(self.socket.getsockname)
        self.peer = self.asked(self.socket.getpeername)
        self.bound_by_kernel = bound_by_kernel and self.socket.type == sockets.SOCK_DGRAM
        self.listening = bool(self.asked(self.socket.getsockopt, sockets.SOL_SOCKET, sockets.SO_ACCEPTCONN))

    def asked(self, question, *arguments):
        try:
            return question(*arguments)
        except OSError:
            return None

    @property
    def bound(self):
        """Whether it has an address of its own."""
        if self.family in (INTERNET, INTERNET6):
            return bool(self.name) and self.name[1] != 0
        return bool(self.name)

    @property
    def may_be_pair(self):
        return self.family == UNIX and self.peer is not None and not self.bound and not self.peer

    @property
    def is_fresh(self):
        """Whether it is as the socket call made it: not connected, and bound to nothing by the function."""
        known = (UNIX, INTERNET, INTERNET6)
        bound = self.bound and not self.bound_by_kernel
        return self.family in known and self.peer is None and not bound and not self.listening

    def facts(self):
        """What making a fresh one again needs."""
        options = []
        for level, name in OPTIONS:
            value = self.asked(self.socket.getsockopt, level, name)
            if value:
                options.append([level, name, value])
        return {
            "family": self.family,
            "type": int(self.socket.type),
            "protocol": self.socket.proto,
            "options": options,
        }

    def addresses(self):
        return {
            "local": address_text(self.name) if self.bound else None,
            "remote": address_text(self.peer) if self.peer else None,
        }

    def obstacle(self):
        """Kind, text and remedy of a socket that cannot be made again."""
        family = FAMILIES.get(self.family, f"family-{self.family}")
        family = ("an " if family.startswith("IP") else "a ") + family
        if self.listening:
            return "socket", f"{family} socket listens on {address_text(self.name)}", LISTEN
        if self.peer is not None:
            where = address_text(self.peer) if self.peer else "another process"
            return "connection", f"{family} socket is connected to {where}", CLOSE
        if self.bound:
            return "socket", f"{family} socket is bound to {address_text(self.name)}", CLOSE
        return "socket", f"{family} socket is open", "make it in the handler when it is first needed"
