"""Log records that another thread writes."""

import logging
import logging.handlers
import queue

RECORDS = queue.Queue()
WRITTEN = []


class Written(logging.Handler):
    def emit(self, record):
        WRITTEN.append(record.getMessage())


LISTENER = logging.handlers.QueueListener(RECORDS, Written())
LISTENER.start()
LOG = logging.getLogger("orders")
LOG.addHandler(logging.handlers.QueueHandler(RECORDS))
LOG.setLevel(logging.INFO)


def work():
    WRITTEN.clear()
    for number in range(50):
        LOG.info("order %d", number)
    RECORDS.join()
    return WRITTEN[-3:]
