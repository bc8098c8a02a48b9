"""Web: pages for people and a JSON API for programs, over the reports of the core."""
