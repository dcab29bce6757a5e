"""Sockets that are made, and what they are connected or bound to, by the calls that did it."""

import _weakref

from glowplug_image import owners

# Address families of <linux/socket.h>.
FAMILIES = {1: "Unix", 2: "IPv4", 10: "IPv6", 16: "netlink", 17: "packet", 38: "cryptography", 40: "VM"}
# Within the machine's kernel: no far end.
LOCAL_FAMILIES = (16, 38)
NUMERIC = frozenset("0123456789.:abcdefABCDEF%")


def address_text(address):
    """A socket's address as it is usually written."""
    if isinstance(address, bytes):
        address = address.decode("utf-8", "replace")
    if isinstance(address, str):
        return "@" + address[1:] if address.startswith("\0") else address
    if isinstance(address, tuple) and len(address) >= 2:
        host, port = address[:2]
        return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"
    return repr(address)


def needs_no_lookup(host):
    """Whether a host is an address already, or this one."""
    if host is None:
        return True
    host = host.decode("utf-8", "replace") if isinstance(host, bytes) else str(host)
    return host in ("", "localhost", "<broadcast>") or (NUMERIC.issuperset(host) and not {".", ":"}.isdisjoint(host))


class Network:
    """What was done with sockets, in order, each with its owner and the phase of the start."""

    def __init__(self, phase):
        self.phase = phase
        self.sockets = []  # (weak reference, owner)
        self.attempts = []
        self.lookups = []
        self.bound = []  # weak references
        self.events = {
            "socket.__new__": self.made,
            "socket.connect": self.connected,
            "socket.sendto": self.sent,
            "socket.sendmsg": self.sent,
            "socket.bind": self.was_bound,
            "socket.getaddrinfo": self.looked_up,
            "socket.gethostbyname": self.looked_up,
        }

    def made(self, arguments, frame):
        owner = owners.find(frame)
        try:
            self.sockets.append((_weakref.ref(arguments[0]), owner))
        except TypeError:  # the C class itself
            return

    def connected(self, arguments, frame):
        self.reached(arguments, frame, "opened a connection to")

    def sent(self, arguments, frame):
        if arguments[1] is not None:
            self.reached(arguments, frame, "sent data to")

    def reached(self, arguments, frame, verb):
        socket, address = arguments
        family = getattr(socket, "family", None)
        if family in LOCAL_FAMILIES:
            return
        self.attempts.append(
            {
                "address": address_text(address),
                "verb": verb,
                "owner": owners.find(frame),
                "phase": self.phase(),
                "family": family,
            }
        )

    def was_bound(self, arguments, frame):
        try:
            self.bound.append(_weakref.ref(arguments[0]))
        except TypeError:  # the C class itself
            return

    def looked_up(self, arguments, frame):
        host = arguments[0]
        if not needs_no_lookup(host):
            host = host.decode("utf-8", "replace") if isinstance(host, bytes) else str(host)
            self.lookups.append({"host": host, "owner": owners.find(frame), "phase": self.phase()})

    def bound_by_kernel(self, descriptor):
        """Whether a socket has an address only because something was sent from it."""

        def is_it(reference):
            socket = reference()
            return socket is not None and socket.fileno() == descriptor

        return any(is_it(each) for each, _ in self.sockets) and not any(is_it(each) for each in self.bound)

    def owner_of(self, descriptor):
        """Who made the socket that has this descriptor now, or None."""
        for reference, owner in reversed(self.sockets):
            socket = reference()
            if socket is not None and socket.fileno() == descriptor:
                return owner
        return None
