"""A small privileged helper process that opens listening sockets inside the network namespaces of workloads.

It is run as a process of its own (`__main__.py`), single-threaded because a process with threads may not enter a user
namespace, and imports nothing but the standard library. Its client is `kansatsu.workload.injection`.
"""
