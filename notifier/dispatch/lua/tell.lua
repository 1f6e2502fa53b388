-- What a batch of WeChat's answers says about the account. Returns {1 while the breaker is open, 1 if it
-- opened now, 1 if the account is no longer parked}.
local now, succeeded_from, failures = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local cause, slow, minute_full = ARGV[4], ARGV[5] == '1', ARGV[6] == '1'
local parked_until, ceiling, limit = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local probe, first, keep = tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local sent_from = tonumber(ARGV[13])

local function get(name) return tonumber(redis.call('HGET', KEYS[1], name) or '') end
local function pace(rate, step, grows)
  redis.call('HSET', KEYS[1], 'pace', rate, 'pace_at', now, 'step', step, 'grows', grows,
    'tokens', 0, 'tokens_at', now)
end

local open_since = get('open_since')
-- An answer to a call that began before the breaker opened says nothing new.
if succeeded_from > 0 and (not open_since or succeeded_from > open_since) then
  redis.call('HDEL', KEYS[1], 'failures')
  if open_since then
    redis.call('HDEL', KEYS[1], 'open_since', 'cause', 'probe_at')
    if first < ceiling then pace(first, 0, 2) end
    open_since = nil
  end
end
if failures > 0 then
  failures = redis.call('HINCRBY', KEYS[1], 'failures', failures)
  if cause == '' and failures >= limit then cause = 'no usable answer' end
end
local opened, unparked = 0, 0
if cause ~= '' then
  redis.call('HSET', KEYS[1], 'cause', cause, 'failures', 0)
  if not open_since then
    redis.call('HSET', KEYS[1], 'open_since', now, 'probe_at', now + probe)
    open_since = now
    opened = 1
  end
end
-- A burst of complaints is one complaint.
if slow and now - (get('slowed_at') or 0) >= 1 then
  local real = math.max(get('last') or 0, get('granted') or 0, 2)
  local rate = math.min(get('pace') or ceiling, real)
  pace(math.max(rate / 2, math.min(first, ceiling)), math.max(rate / 20, 1), 1)
  redis.call('HSET', KEYS[1], 'slowed_at', now)
end
if minute_full then redis.call('HSET', KEYS[1], 'paused_until', (math.floor(now / 60) + 1) * 60) end
if parked_until > 0 then
  redis.call('HSET', KEYS[1], 'parked_until', parked_until, 'parked_at', now)
elseif sent_from > (get('parked_at') or now) then
  -- Only urgent messages go while the account is parked: somebody has cleared the quota.
  redis.call('HDEL', KEYS[1], 'parked_until', 'parked_at')
  unparked = 1
end
redis.call('EXPIRE', KEYS[1], keep)
return {open_since and 1 or 0, opened, unparked}
