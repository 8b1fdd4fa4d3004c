"""RTP, RTCP and their clocks on the wire."""
