"""Metrics with intervals, paired tests, the ceiling and text alarms, and the report that shows them."""
