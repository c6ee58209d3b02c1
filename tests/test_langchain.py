"""The retriever, run by langchain-core against the server itself."""

import asyncio

import pytest
from helpers import in_a_thread_of_its_own
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda, RunnablePassthrough
from serving import served

from server.app import create_app
from server.client import SupportSearch, SupportSearchError
from server.langchain import SupportSearchRetriever

QUERY = "не приходят уведомления"


@pytest.fixture(scope="module")
def site(built_index, encoder):
    with served(create_app(built_index, encoder)) as address:
        yield address


@pytest.fixture(scope="module")
def client(site):
    return SupportSearch(site, retries=0)


def test_documents_carry_text_and_where_it_stands(client, site, sections_by_id):
    documents = SupportSearchRetriever(client=client, k=3).invoke(QUERY)
    assert 1 <= len(documents) <= 3
    for document in documents:
        section = sections_by_id[document.metadata["section_id"]]
        assert (document.id, document.page_content) == (section.section_id, section.text)
        assert document.metadata["url"] == f"{site}/articles/{section.article_id}#{section.anchor}"
        assert 0 < document.metadata["relevance"] <= 1
        assert document.metadata["headings"] == list(section.headings)


def test_asynchronous_calls_give_the_same(client):
    retriever = SupportSearchRetriever(client=client)

    async def both():
        return await asyncio.gather(retriever.ainvoke(QUERY), retriever.ainvoke("как войти"))

    found = in_a_thread_of_its_own(lambda: asyncio.run(both()))
    assert found == [retriever.invoke(QUERY), retriever.invoke("как войти")]


def test_platform_and_audience_filter(client):
    found = SupportSearchRetriever(client=client, platform="ios", audience="user", k=20).invoke("как обновить")
    assert found
    for document in found:
        assert "ios" in (document.metadata["platforms"] or ["ios"])
        assert "user" in (document.metadata["audiences"] or ["user"])


def test_query_without_answer_gives_no_documents(client):
    assert SupportSearchRetriever(client=client).invoke("?!") == []


def test_retriever_stands_in_a_chain(client):
    retriever = SupportSearchRetriever(client=client, k=1)
    prompt = ChatPromptTemplate.from_template("Справка: {context}\nВопрос: {question}")
    joined = RunnableLambda(lambda documents: "\n".join(each.page_content for each in documents))
    chain = {"context": retriever | joined, "question": RunnablePassthrough()} | prompt
    (message,) = chain.invoke(QUERY).to_messages()
    (document,) = retriever.invoke(QUERY)
    assert message.content == f"Справка: {document.page_content}\nВопрос: {QUERY}"


def test_failure_reaches_the_chain_and_its_callbacks(client):
    failed = []

    class Watching(BaseCallbackHandler):
        def on_retriever_error(self, error, **_):
            failed.append(error)

    with pytest.raises(SupportSearchError) as caught:
        SupportSearchRetriever(client=client).invoke("", config={"callbacks": [Watching()]})
    assert (caught.value.code, failed) == ("query_empty", [caught.value])
