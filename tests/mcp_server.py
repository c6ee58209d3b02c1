"""`python -m server.mcp` with the small encoder. Not a test: tests start it and speak to it as a client does.

The root of the checkout has to be on the path.
"""

import sys

from helpers import HashEncoder

from server.mcp import main

if __name__ == "__main__":
    sys.exit(main(encoder=HashEncoder()))
