"""Classification of build failures by the messages of git and the installers."""
