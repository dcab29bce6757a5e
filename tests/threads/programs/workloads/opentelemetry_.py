"""OpenTelemetry's batch processor, which exports spans from a thread of its own."""

import time

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult


class Kept(SpanExporter):
    def __init__(self):
        self.names = []

    def export(self, spans):
        self.names += [span.name for span in spans]
        return SpanExportResult.SUCCESS


EXPORTER = Kept()
PROVIDER = TracerProvider(shutdown_on_exit=False)
PROVIDER.add_span_processor(BatchSpanProcessor(EXPORTER, schedule_delay_millis=50))
TRACER = PROVIDER.get_tracer("orders")


def work():
    EXPORTER.names.clear()
    for number in range(5):
        with TRACER.start_as_current_span(f"order {number}"):
            pass
    until = time.monotonic() + 30
    while len(EXPORTER.names) < 5 and time.monotonic() < until:
        time.sleep(0.005)
    return EXPORTER.names
