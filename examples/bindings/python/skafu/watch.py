"""Metrics of a store of this process."""
import ctypes

from .library import S, Handle, call, produce, taken, text


class Watch(Handle):
    def __init__(self, store, service=None):
        opts = S["watch_opts"](service=text(service))
        super().__init__("watch_close", produce("watch_open", store.handle, ctypes.byref(opts)))

    def add(self, name, amount=1.0, labels=None):
        call("metric_add", self.handle, text(name), text(labels), amount)

    def prometheus(self):
        return taken("metrics_prometheus", self.handle, free="text_free").decode()
