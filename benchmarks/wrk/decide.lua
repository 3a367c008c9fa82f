-- Decisions as fast as the connections allow: a closed loop, each transfer new, of 1,000 payers.
--
--   CRIVO_KEY=... wrk -t1 -c16 -d30s -s benchmarks/wrk/decide.lua http://127.0.0.1:8000
--
-- A closed loop waits for each answer before it sends again on that connection: what it says of
-- latency leaves out the time that a request would have waited (coordinated omission). For latency
-- at a rate there is `python -m benchmarks decide`; this one finds the throughput.

local key = assert(os.getenv("CRIVO_KEY"), "CRIVO_KEY is not set")
local payers = tonumber(os.getenv("CRIVO_PAYERS") or "1000")
local letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
local headers = { ["Content-Type"] = "application/json", ["Authorization"] = "Bearer " .. key }

local threads = {}

function setup(thread)
  table.insert(threads, thread)
  -- Ids differ by thread, by run and by request.
  thread:set("own", #threads)
  thread:set("born", os.time())
end

function init()
  sent, refused, shed = 0, 0, 0
  math.randomseed(born * 61 + own)
  prefix = base62(own, 1) .. base62(math.random(0, 62 ^ 4 - 1), 4)
end

function base62(number, width)
  local text = ""
  for _ = 1, width do
    local digit = number % 62
    text = letters:sub(digit + 1, digit + 1) .. text
    number = (number - digit) / 62
  end
  return text
end

function request()
  sent = sent + 1
  local id = "E12345678" .. os.date("!%Y%m%d%H%M") .. prefix .. base62(sent, 6)
  local body = string.format(
    '{"end_to_end_id":"%s","occurred_at":"%s","amount_centavos":%d,'
      .. '"payer_account_id":"wrk-%d","payee_account_id":"wrk-%d",'
      .. '"payer_ispb":"12345678","payee_ispb":"87654321","initiation":"DICT","purpose":"IPAY"}',
    id, os.date("!%Y-%m-%dT%H:%M:%SZ"), math.random(1, 500000),
    math.random(1, payers), math.random(1, payers)
  )
  return wrk.format("POST", "/v1/decisions", headers, body)
end

function response(status)
  if status == 503 or status == 429 then
    shed = shed + 1
  elseif status ~= 200 then
    refused = refused + 1
  end
end

function done(summary, latency)
  local lost, wrong = 0, 0
  for _, thread in ipairs(threads) do
    lost = lost + thread:get("shed")
    wrong = wrong + thread:get("refused")
  end
  local seconds = summary.duration / 1e6
  local decided = summary.requests - lost - wrong
  io.write(string.format(
    '{"decided":%d,"shed":%d,"refused":%d,"seconds":%.3f,"decided_per_second":%.1f,'
      .. '"latency_ms_p50":%.3f,"latency_ms_p99":%.3f,"latency_ms_p999":%.3f}\n',
    decided, lost, wrong, seconds, decided / seconds,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3
  ))
end
