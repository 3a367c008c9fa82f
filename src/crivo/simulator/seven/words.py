"""The closed enumerations of the seven tables: every `tipo_*` and `status` is one of these."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from crivo.domain.transfer import Initiation


class TransferKind(StrEnum):
    """`tipo_transacao`: how the payment was initiated."""

    KEY = "chave"
    BY_HAND = "manual"
    STATIC_CODE = "qr_estatico"
    DYNAMIC_CODE = "qr_dinamico"
    AUTOMATIC = "automatico"
    INITIATOR = "iniciador"
    TAP_DYNAMIC = "aproximacao_dinamica"
    TAP_STATIC = "aproximacao_estatica"


KIND_OF_INITIATION: Final = MappingProxyType(
    {
        Initiation.DICT: TransferKind.KEY,
        Initiation.MANU: TransferKind.BY_HAND,
        Initiation.QRES: TransferKind.STATIC_CODE,
        Initiation.QRDN: TransferKind.DYNAMIC_CODE,
        Initiation.AUTO: TransferKind.AUTOMATIC,
        Initiation.INIC: TransferKind.INITIATOR,
        Initiation.APDN: TransferKind.TAP_DYNAMIC,
        Initiation.APES: TransferKind.TAP_STATIC,
    }
)


class TransferStatus(StrEnum):
    """`transacoes_pix.status`: `suspeita` has a case in `fraudes`; it is a label, not a fact."""

    DONE = "concluida"
    SUSPICIOUS = "suspeita"


class KeyKind(StrEnum):
    """`tipo_chave`, in the order of the mix."""

    RANDOM = "evp"
    PHONE = "telefone"
    CPF = "cpf"
    EMAIL = "email"
    CNPJ = "cnpj"


class KeyStatus(StrEnum):
    """`chaves_pix.status`."""

    ACTIVE = "ativa"
    INACTIVE = "inativa"
    CLAIMED = "em_reivindicacao"


class UserStatus(StrEnum):
    """`usuarios.status`."""

    ACTIVE = "ativo"
    INACTIVE = "inativo"
    BLOCKED = "bloqueado"


class DeviceKind(StrEnum):
    """`tipo_dispositivo`."""

    ANDROID = "celular_android"
    IOS = "celular_ios"
    COMPUTER = "computador"
    TABLET = "tablet"


class DeviceStatus(StrEnum):
    """`dispositivos.status`."""

    ACTIVE = "ativo"
    REMOVED = "removido"
    BLOCKED = "bloqueado"


class LoginKind(StrEnum):
    """`tipo_autenticacao`."""

    BIOMETRY = "biometria"
    PASSWORD = "senha"
    PIN = "pin"
    TOKEN = "token"


class LoginStatus(StrEnum):
    """`log_autenticacao.status`."""

    SUCCESS = "sucesso"
    FAILURE = "falha"


class CaseStatus(StrEnum):
    """`fraudes.status`: the table holds confirmed cases alone."""

    CONFIRMED = "confirmada"
