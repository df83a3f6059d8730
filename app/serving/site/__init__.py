"""What people see in a browser: pages, answers while they come, answers that are kept."""
