"""One WebSocket of somebody."""
