"""A payment order as an institution sends it, and the body in JSON that says the same."""

from __future__ import annotations

from typing import Any, Final

#: What the JSON body of the same transfer says.
SAME: Final[dict[str, Any]] = {
    "end_to_end_id": "E12345678202611231200abcDEF12345",
    "occurred_at": "2026-11-23T12:00:00.250Z",
    "amount_centavos": 12_345,
    "payer_account_id": "12345678/0001/555012",
    "payee_account_id": "87654321/0042/999071",
    "payer_person_id": "11144477735",
    "payee_person_id": "12345678000195",
    "payee_key_id": "maria@exemplo.com",
    "payer_ispb": "12345678",
    "payee_ispb": "87654321",
    "initiation": "QRDN",
    "purpose": "IPAY",
    "service_level": "PAGPRI",
    "txid": "abcdefghij1234567890abcdefgh",
    "initiator_ispb": "33445566",
    "payer_segment": "NATURAL_PERSON",
}

ORDER: Final = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<Envelope xmlns="https://www.bcb.gov.br/pi/pacs.008/1.16">
  <AppHdr>
    <Fr><FIId><FinInstnId><Othr><Id>12345678</Id></Othr></FinInstnId></FIId></Fr>
    <To><FIId><FinInstnId><Othr><Id>00038166</Id></Othr></FinInstnId></FIId></To>
    <BizMsgIdr>M12345678abcdefghijklmnopqrstuvw</BizMsgIdr>
    <MsgDefIdr>pacs.008.spi.1.16</MsgDefIdr>
    <CreDt>2026-11-23T12:00:01.000Z</CreDt>
    <Sgntr/>
  </AppHdr>
  <Document>
    <FIToFICstmrCdtTrf>
      <GrpHdr>
        <MsgId>M12345678abcdefghijklmnopqrstuvw</MsgId>
        <CreDtTm>2026-11-23T12:00:01.000Z</CreDtTm>
        <NbOfTxs>1</NbOfTxs>
        <SttlmInf><SttlmMtd>CLRG</SttlmMtd></SttlmInf>
        <PmtTpInf><InstrPrty>HIGH</InstrPrty><SvcLvl><Prtry>PAGPRI</Prtry></SvcLvl></PmtTpInf>
      </GrpHdr>
      <CdtTrfTxInf>
        <PmtId>
          <EndToEndId>E12345678202611231200abcDEF12345</EndToEndId>
          <TxId>abcdefghij1234567890abcdefgh</TxId>
        </PmtId>
        <IntrBkSttlmAmt Ccy="BRL">123.45</IntrBkSttlmAmt>
        <AccptncDtTm>2026-11-23T12:00:00.250Z</AccptncDtTm>
        <ChrgBr>SLEV</ChrgBr>
        <MndtRltdInf><Tp><LclInstrm><Prtry>QRDN</Prtry></LclInstrm></Tp></MndtRltdInf>
        <InitgPty><Id><OrgId><Othr><Id>33445566000181</Id></Othr></OrgId></Id></InitgPty>
        <Dbtr>
          <Nm>Ana de Souza</Nm>
          <Id><PrvtId><Othr><Id>11144477735</Id></Othr></PrvtId></Id>
        </Dbtr>
        <DbtrAcct>
          <Id><Othr><Id>555012</Id><Issr>0001</Issr></Othr></Id><Tp><Cd>CACC</Cd></Tp>
        </DbtrAcct>
        <DbtrAgt>
          <FinInstnId><ClrSysMmbId><MmbId>12345678</MmbId></ClrSysMmbId></FinInstnId>
        </DbtrAgt>
        <CdtrAgt>
          <FinInstnId><ClrSysMmbId><MmbId>87654321</MmbId></ClrSysMmbId></FinInstnId>
        </CdtrAgt>
        <Cdtr><Id><OrgId><Othr><Id>12345678000195</Id></Othr></OrgId></Id></Cdtr>
        <CdtrAcct>
          <Id><Othr><Id>999071</Id><Issr>42</Issr></Othr></Id><Tp><Cd>CACC</Cd></Tp>
          <Prxy><Id>maria@exemplo.com</Id></Prxy>
        </CdtrAcct>
        <Purp><Cd>IPAY</Cd></Purp>
        <RmtInf><Ustrd>aluguel &lt;novembro&gt;</Ustrd></RmtInf>
      </CdtTrfTxInf>
    </FIToFICstmrCdtTrf>
  </Document>
</Envelope>
"""
