"""How long one query takes: over HTTP, encoding alone, and by txtai, query by query in turn."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from itertools import cycle, islice, permutations

from evaluation.benching import txtai_side
from evaluation.benching.findings import Findings
from evaluation.benching.servers import our_server, started
from evaluation.benching.setting import Setting
from evaluation.endpoints import Client, search_endpoint
from evaluation.load import percentile
from evaluation.speed import milliseconds_of
from evaluation.systems import SystemFailure
from indexer import exporting
from indexer.query_encoder import OnnxEncoder

HTTP, ENCODE, TXTAI = "HTTP search", "ONNX fp32 encode", "txtai search"

Way = Callable[[str], float]  # a query -> milliseconds that it took


def latency(setting: Setting) -> Findings:
    """Searches of a server of one worker beside encoding the same queries, and beside txtai where there is one."""
    notes = []
    with ExitStack() as stack:
        server = stack.enter_context(started(our_server(setting.index), "/readyz"))
        client = Client(search_endpoint(server.url, "hybrid"))
        stack.callback(client.close)
        ways: dict[str, Way] = {HTTP: lambda query: _asked(client, query)}
        try:
            encoder = _float_encoder(setting)
            ways[ENCODE] = lambda query: milliseconds_of(encoder.encode_query, query)
        except exporting.NotExportable as error:
            notes.append(f"{setting.model.name} was not measured in ONNX: {error}")
        if setting.txtai:
            ways[TXTAI] = stack.enter_context(txtai_side.searching(setting)).ask
        queries, extent = setting.queries(), setting.extent
        interleaved(ways, islice(queries, extent.warm_up))
        found = interleaved(ways, islice(queries, extent.queries))
    p50 = {name: percentile(times, 50) for name, times in found.items()}
    return Findings(
        {
            "http_p50_over_onnx_fp32_encode_p50": p50[HTTP] / p50[ENCODE] if ENCODE in p50 else None,
            "http_p50_over_txtai_search_p50": p50[HTTP] / p50[TXTAI] if TXTAI in p50 else None,
        },
        found,
        notes=tuple(notes),
    )


def interleaved(ways: Mapping[str, Way], queries: Iterable[str]) -> dict[str, tuple[float, ...]]:
    """Milliseconds of every query by every way, each query by all of them before the next.

    They take turns at being the first and at what goes before them: a machine that is slow for a while is slow for all,
    and none always finds the caches as the same other one leaves them.
    """
    found: dict[str, list[float]] = {name: [] for name in ways}
    for query, order in zip(queries, cycle(permutations(ways)), strict=False):
        for name in order:
            found[name].append(ways[name](query))
    return {name: tuple(times) for name, times in found.items()}


def _asked(client: Client, query: str) -> float:
    reply = client.ask(query)
    if reply.failure:
        raise SystemFailure(f"our server: a search failed ({reply.failure}); expected a reply to each")
    return reply.milliseconds


def _float_encoder(setting: Setting) -> OnnxEncoder:
    """The model in ONNX as it is: 32 bits, its whole vocabulary."""
    network, folder = setting.encoder.network, setting.aside / "float32"
    exporting.export(network, setting.model, folder, [], quantized=False)
    return OnnxEncoder(folder, setting.threads)
