"""A local build trusts the operator's authority, though our own folder is hidden."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from service.certificates import combine_certificates
from service.domain.building.failure import FailureClass
from service.domain.definition import Kind
from tests.adapters.local.builds import (
    PASSED,
    a_build,
    a_builder,
    a_repository,
    failure_of,
    image_of,
)
from tests.adapters.local.package_index import Wheel, an_index
from tests.support.tls import Certificates, tls_before


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    with an_index(tmp_path / "index", Wheel(name="words")) as url:
        yield url


async def test_a_package_comes_from_an_index_that_only_the_operator_vouches_for(
    tmp_path: Path, index: str
) -> None:
    certificates = Certificates.made_in(tmp_path)
    data = tmp_path / "data"
    trusted = combine_certificates(
        certificates.ca, system="", folder=data / "certificates"
    )
    target = (urlsplit(index).hostname or "", urlsplit(index).port or 0)
    async with tls_before(certificates, target=target) as port:
        url = f"https://127.0.0.1:{port}/simple/"
        files = {"requirements.txt": f"--index-url {url}\nwords\n"}
        build = a_build(a_repository(tmp_path / "repo", files), Kind.PIP)
        async with a_builder(
            data / "builder",
            hidden=(data,),
            passed_environment={**PASSED, **trusted},
        ) as builder:
            image = await image_of(builder, build)
        async with a_builder(
            tmp_path / "other", passed_environment={**PASSED, "PIP_RETRIES": "0"}
        ) as builder:
            failure = await failure_of(builder, build)

    assert "words" in {package.name for package in image.packages}
    assert failure.kind is FailureClass.CERTIFICATE
    assert "RELAUNCH_CA_BUNDLE" in failure.hint
