"""Online side: reads a query, ranks sections, answers over HTTP and in the browser."""

from importlib.metadata import version

VERSION = version("spravka-search")
