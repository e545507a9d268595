"""Who calls, what belongs to a project, and who may do what with it."""
