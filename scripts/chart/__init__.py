"""The chart's values: one model, and the files of the chart that are made of it."""
