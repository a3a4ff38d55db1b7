"""Starting, supervising and fronting the service; nothing here serves a request.

`app` imports nothing from here. `local` and `stack` import only `app.product`; `serving` and `metering` run in the
service's processes and use its log, metrics and errors.
"""
