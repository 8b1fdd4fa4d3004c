"""Real participants: aiortc peers and Chromium pages."""
