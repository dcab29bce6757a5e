"""What process B does: from the names in a trace to the calls that fill an archive."""
