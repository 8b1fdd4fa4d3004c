"""What participants are sent: from packets of a stream to datagrams."""
