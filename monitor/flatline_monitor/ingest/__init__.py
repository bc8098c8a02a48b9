"""Ingest: what comes over gRPC is checked here once; further in it is trusted."""
