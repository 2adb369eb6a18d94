"""Harmonizing many pictures: found in any layout, processed in parallel or on a cluster, and resumable."""
