"""Captures: reading pcap and pcapng, finding RTP in them, judging it, and writing pcapng."""
