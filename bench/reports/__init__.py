"""From what was measured to figures, tables, pages and comparisons."""
