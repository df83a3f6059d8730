"""Files of answers: reading run rows, scoring them, writing score rows."""
