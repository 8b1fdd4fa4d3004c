"""What quality is: receive statistics, grades, reports."""
