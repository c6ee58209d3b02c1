"""A retriever for LangChain over a running server: `SupportSearchRetriever(client=SupportSearch(url, key))`."""

from server.client import Audience, Filters, Hit, Platform, SupportSearch

try:
    from langchain_core.callbacks import CallbackManagerForRetrieverRun
    from langchain_core.documents import Document
    from langchain_core.retrievers import BaseRetriever
except ModuleNotFoundError as error:
    raise ImportError(
        f'server.langchain needs the package {error.name}: pip install "spravka-search[langchain]"'
    ) from error


class SupportSearchRetriever(BaseRetriever):
    """Gives the sections that answer a query, the best first; none where the help has no answer.

    A chain then has nothing to make an answer of, which is what it should be told. Asked asynchronously, the client
    works in a thread of LangChain's.
    """

    client: SupportSearch
    k: int = 4
    platform: Platform | None = None
    audience: Audience | None = None

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        """Raises SupportSearchError where the server gives no answer."""
        filters: Filters = {
            "platform": [self.platform] if self.platform else [],
            "audience": [self.audience] if self.audience else [],
        }
        reply = self.client.search(query, limit=self.k, filters=filters)
        return [self._document(hit) for hit in reply["hits"]]

    def _document(self, hit: Hit) -> Document:
        return Document(
            id=hit["section_id"],
            page_content=hit["text"],
            metadata={
                "section_id": hit["section_id"],
                "article_id": hit["article_id"],
                "title": hit["title"],
                "headings": hit["headings"],
                "url": self.client.url + hit["url"],
                "relevance": hit["relevance"],
                "platforms": hit["platforms"],
                "audiences": hit["audiences"],
                "updated": hit["updated"],
            },
        )
