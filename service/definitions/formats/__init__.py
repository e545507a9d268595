"""File formats that several kinds of definition share."""
