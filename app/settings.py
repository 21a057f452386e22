"""What the API is told by its surroundings: environment variables ``TASKGRAFT_…``, with defaults that work."""

from pydantic import Field

from store.settings import StoreSettings


class AppSettings(StoreSettings):
    """The store's settings, the address, and every limit on what a client may send."""

    host: str = "127.0.0.1"
    port: int = 8000
    hosts: str = Field(
        default="", description="Names that a request's Host may say, parted by commas; empty: any. `localhost,[::1]`"
    )
    origins: str = Field(
        default="", description="Pages of other sites that may ask, parted by commas: `https://console.example`."
    )
    problems_url: str = Field(
        default="urn:taskgraft:problem:", description="What a problem's code is appended to, as its `type`."
    )

    json_bytes: int = Field(default=2**20, description="Largest JSON body of a job or another small request.")
    prediction_bytes: int = Field(default=16 * 2**20, description="Largest body of one prediction request.")
    prediction_rows: int = Field(default=10_000, description="Most rows of one prediction request.")
    adaptation_rows: int = Field(default=10_000, description="Most rows of one support set in a request.")
    adaptation_total_rows: int = Field(
        default=100_000, description="Most rows of all supports and queries of one request."
    )
    adaptation_supports: int = Field(default=1_000, description="Most support sets in one request.")
    upload_bytes: int = Field(default=2 * 2**30, description="Largest uploaded file.")

    body_idle_seconds: float = Field(default=30.0, description="Longest silence inside a request body.")
    upload_seconds: float = Field(default=3600.0, description="Longest time for one request body.")
    renew_key_seconds: float = Field(
        default=30.0, gt=0, description="How often an upload renews its idempotency key, which is free after 2 minutes."
    )
    ingest_processes: int = Field(default=2, description="How many uploads are decoded side by side.")

    predictor_bytes: int = Field(default=2**30, description="Memory for models that are kept ready to answer.")
    predictor_loads: int = Field(default=2, description="How many models are loaded from disk side by side.")
    predictor_wait_seconds: float = Field(default=5.0, description="Longest wait for a free place to load a model.")

    trust_seconds: float = Field(
        default=2.0,
        description="How long an accepted key and a model's existence are believed without asking the database.",
    )
    alias_trust_seconds: float = Field(
        default=0.5, description="How long other processes' moves of an alias may go unseen by predictions."
    )
    change_poll_seconds: float = Field(
        default=0.1, description="How often waiting requests look for a change of their job."
    )
    ping_seconds: float = Field(default=15.0, description="Silence after which an event stream sends a comment.")
