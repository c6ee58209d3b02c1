"""One module a format; each turns the files of a folder into Articles with their Sections."""
