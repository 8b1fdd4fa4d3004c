"""Real Opus and VP8, made once and sent again and again, and the check of what came."""
