"""The right answers of every lesson, with its hints and its usual mistakes."""
