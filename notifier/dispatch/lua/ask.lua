-- May messages of this account go to WeChat now? Takes what it grants. Returns {count, word, until}.
local now, wanted, ceiling = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local daily, reserve, urgent = tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6] == '1'
local day, midnight, probe = ARGV[7], ARGV[8], tonumber(ARGV[9])
local burst, keep = tonumber(ARGV[10]), tonumber(ARGV[11])

local function get(name) return tonumber(redis.call('HGET', KEYS[1], name) or '') end

redis.call('EXPIRE', KEYS[1], keep)
if get('open_since') then
  local probe_at = get('probe_at') or 0
  if now < probe_at then return {0, 'open', tostring(probe_at)} end
  redis.call('HSET', KEYS[1], 'probe_at', now + probe)
  return {1, 'probe', '0'}
end
local paused = get('paused_until') or 0
if now < paused then return {0, 'paused', tostring(paused)} end
local parked = get('parked_until') or 0
if not urgent and now < parked then return {0, 'quota', tostring(parked)} end

-- WeChat's quota of the day. Urgent messages are never held back by our own count.
local used = redis.call('HGET', KEYS[1], 'day') == day and get('used') or 0
if daily > 0 and not urgent then
  wanted = math.min(wanted, daily - reserve - used)
  if wanted < 1 then return {0, 'quota', midnight} end
end

-- The pace: a token bucket. After WeChat was slow, or away, it grows step by step to the ceiling.
local pace, at = get('pace'), get('pace_at') or now
local rate = ceiling
if pace then
  local passed = math.max(now - at, 0)
  local grown = get('grows') == 2 and pace * 2 ^ passed or pace + (get('step') or 1) * passed
  rate = math.min(ceiling, grown)
  if rate >= ceiling then
    redis.call('HDEL', KEYS[1], 'pace', 'pace_at', 'step', 'grows')
  else
    redis.call('HSET', KEYS[1], 'pace', rate, 'pace_at', now)
  end
end
local most = math.max(rate * burst, 1)
local tokens = math.min(most, (get('tokens') or most) + rate * math.max(now - (get('tokens_at') or now), 0))
-- Urgent messages may borrow a second's worth; the others wait until it is paid back, and then for
-- a tenth of a second's worth, so that they go in batches.
local granted = math.min(wanted, math.floor(tokens + (urgent and rate or 0)))
local least = urgent and 1 or math.max(math.min(wanted, math.floor(rate / 10)), 1)
if granted < least then
  redis.call('HSET', KEYS[1], 'tokens', tokens, 'tokens_at', now)
  return {0, 'pace', tostring(now + (least - tokens) / rate)}
end
-- What was granted in this second and the one before: the real speed, which a slow-down halves.
local second = math.floor(now)
if get('second') ~= second then
  local last = get('second') == second - 1 and get('granted') or 0
  redis.call('HSET', KEYS[1], 'second', second, 'last', last, 'granted', 0)
end
redis.call('HINCRBY', KEYS[1], 'granted', granted)
redis.call('HSET', KEYS[1], 'tokens', tokens - granted, 'tokens_at', now, 'day', day, 'used', used + granted)
return {granted, 'go', '0'}
