-- Hold the first free place among the candidates, or wait in the queue of each.
--
-- The same attempt again changes nothing; a lower one is stale. A higher one first gives back what the referral has,
-- save a place it occupies: a child in a bed keeps it, and is answered with it, until it is released.
-- A candidate that was never opened has no place, but a queue: whoever waits there is served when it opens.
--
-- KEYS[3] the referral's claim
-- ARGV[5] referral, ARGV[6] attempt, ARGV[7] rank, ARGV[8...] candidates, none named twice, '' between two tiers
-- Result  {'rebuilding'} | {'ok', epoch, sequence, state, attempt, programme, repeated, free at each ARGV[8...]}

local got = redis.call('HMGET', KEYS[1], '@epoch', '@sequence', unpack(ARGV, 8))
if not current(got) then return {'rebuilding'} end

local referral, wanted = ARGV[5], tonumber(ARGV[6])
local attempt, state, _, names = read_claim(KEYS[3])
if attempt then
  if attempt > wanted then return answer('stale', attempt) end
  if attempt == wanted then return answer(state, attempt, names, true) end
  if state == 'occupied' then return answer(state, attempt, names) end
  give_back(referral, attempt, state, names)
end

local counts, best, found, most, settled = {}, nil, nil, 0, false
for i = 8, #ARGV do
  local id, record, left = ARGV[i], got[i - 5], 0
  if id == '' then
    settled = best ~= nil
  elseif programmes[id] then
    local p = programmes[id]
    left = free(p.places, p.held, p.occupied, p.suspended)
  elseif record then
    left = free(match(record, '^(%d+) (%d+) (%d+) (%d)'))
  end
  if left > most and not settled then best, found, most = id, record, left end
  counts[i - 7] = left
end

local result
if best then
  local p = programmes[best] or parse(found)
  programmes[best] = p
  p.held = p.held + 1
  redis.call('SET', KEYS[3], ARGV[6] .. ' held ' .. ARGV[7] .. ' ' .. best)
  tell('held', best, referral, ARGV[6])
  finish()
  result = answer('held', wanted, best)
else
  local queues = {}
  for i = 8, #ARGV do
    if ARGV[i] ~= '' then
      redis.call('ZADD', queue(ARGV[i]), ARGV[7], referral)
      queues[#queues + 1] = ARGV[i]
    end
  end
  queues = table.concat(queues, ' ')
  redis.call('SET', KEYS[3], ARGV[6] .. ' waiting ' .. ARGV[7] .. ' ' .. queues)
  append('type', 'queued', 'at', ARGV[2], 'referral', referral, 'attempt', ARGV[6],
    'rank', ARGV[7], 'programmes', queues)
  finish()
  result = answer('waiting', wanted)
end
for i = 1, #counts do result[7 + i] = counts[i] end
return result
