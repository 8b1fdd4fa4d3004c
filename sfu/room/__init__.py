"""One room's media: who publishes, who receives, who speaks."""
