-- Claims one after the other: hold the first free place among the candidates, or wait in the queue of each.
--
-- The same attempt again changes nothing; a lower one is stale. A higher one first gives back what the referral has,
-- save a place it occupies: a child in a bed keeps it, and is answered with it, until it is released.
-- With `keep` a place held under the attempt before counts as free for this referral, and as its own: when it is the one
-- to take, it stays held, and goes to nobody else in between.
-- A candidate that was never opened has no place, but a queue: whoever waits there is served when it opens.
--
-- KEYS[3...] the referrals' claims
-- ARGV[5...] for each claim: referral, attempt, rank, now (ms), candidates joined by spaces, none named twice, with
--            '|' between two tiers, keep 0 or 1
-- Result  {'rebuilding'} | {'ok', epoch, sequence, for each claim
--         {state, attempt, programme, repeated, free places at each candidate just before}}

if not current(redis.call('HMGET', KEYS[1], '@epoch', '@sequence')) then return {'rebuilding'} end

-- The candidates in order, and by candidate the number of its tier; what is not known of them yet is read at once.
local function read_candidates(joined)
  local names, tiers, missing, tier = {}, {}, {}, 1
  for name in string.gmatch(joined, '%S+') do
    if name == '|' then
      tier = tier + 1
    else
      names[#names + 1], tiers[#tiers + 1] = name, tier
      if programmes[name] == nil then missing[#missing + 1] = name end
    end
  end
  if #missing > 0 then
    local records = redis.call('HMGET', KEYS[1], unpack(missing))
    for i = 1, #missing do programmes[missing[i]] = records[i] and parse(records[i]) end
  end
  return names, tiers
end

-- Append to `result` what is free at each candidate, and name the one to take; `kept` has one place more.
local function choose(names, tiers, result, kept)
  local best, most, settled = nil, 0, nil
  for i = 1, #names do
    local p = programmes[names[i]]
    local left = p and free(p.places, p.held, p.occupied, p.suspended) or 0
    if names[i] == kept then left = left + 1 end
    if left > most and (not settled or settled == tiers[i]) then
      best, most, settled = names[i], left, tiers[i]
    end
    result[4 + i] = left
  end
  return best
end

local function take(key, referral, wanted, rank, joined, keep)
  local attempt, state, _, had = read_claim(key)
  if attempt then
    if attempt > wanted then return claim_result('stale', attempt) end
    if attempt == wanted then return claim_result(state, attempt, had, true) end
    if state == 'occupied' then return claim_result(state, attempt, had) end
  end
  local kept = attempt and state == 'held' and keep == '1' and had
  if attempt and not kept then give_back(referral, attempt, state, had) end
  local names, tiers = read_candidates(joined)
  local result = claim_result('held', wanted)
  local best = choose(names, tiers, result, kept)
  if kept and best ~= kept then give_back(referral, attempt, state, had) end
  if best and best == kept then
    redis.call('SET', key, wanted .. ' held ' .. rank .. ' ' .. best)
    tell('held', best, referral, wanted, 'kept', 1)
    result[3] = best
  elseif best then
    programmes[best].held = programmes[best].held + 1
    redis.call('SET', key, wanted .. ' held ' .. rank .. ' ' .. best)
    tell('held', best, referral, wanted)
    result[3] = best
  else
    for i = 1, #names do redis.call('ZADD', queue(names[i]), rank, referral) end
    local queues = table.concat(names, ' ')
    redis.call('SET', key, wanted .. ' waiting ' .. rank .. ' ' .. queues)
    append('type', 'queued', 'at', now, 'referral', referral, 'attempt', wanted, 'rank', rank, 'programmes', queues)
    result[1] = 'waiting'
  end
  return result
end

local results = {}
for i = 3, #KEYS do
  local at = (i - 3) * 6 + 5
  now = ARGV[at + 3]
  results[i - 2] = take(KEYS[i], ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2], ARGV[at + 4], ARGV[at + 5])
end
finish()
return {'ok', epoch, sequence, unpack(results)}
