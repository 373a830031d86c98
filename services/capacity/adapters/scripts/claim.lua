-- Claims in order: hold the first free place among the candidates, or wait in the queue of each.
--
-- The same attempt again changes nothing; a lower one is stale. A higher one first gives back the referral's place or
-- queue entries, but not an occupied place, which is answered unchanged until it is released.
-- With `retain` a place held under the attempt before counts as free for this referral: when it is the one to take, it
-- stays held.
-- A programme that has never opened has no place, but a queue, which is served when it opens.
--
-- KEYS[3...] the referrals' claims
-- ARGV[5...] for each claim: referral, attempt, rank, now (ms), candidates joined by spaces, none named twice, with
--            '|' between two tiers, retain 0 or 1, traceparent ('' without one)
-- Result  {'rebuilding'} | {'ok', epoch, sequence, for each claim
--         {state, attempt, programme, repeated, free places at each candidate just before}}

-- The candidates in order, and by candidate the number of its tier; unknown programmes are read at once.
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

-- Append to `result` the free places of each candidate, and return the one to take; `retained` has one place more.
local function choose(names, tiers, result, retained)
  local best, most, settled = nil, 0, nil
  for i = 1, #names do
    local p = programmes[names[i]]
    local left = p and free(p.places, p.held, p.occupied, p.suspended) or 0
    if names[i] == retained then left = left + 1 end
    if left > most and (not settled or settled == tiers[i]) then
      best, most, settled = names[i], left, tiers[i]
    end
    result[4 + i] = left
  end
  return best
end

local function claim(key, referral, wanted, rank, at, joined, retain, traceparent)
  wanted, now, trace = tonumber(wanted), at, traceparent
  local attempt, state, _, had = read_claim(key)
  if attempt then
    if attempt > wanted then return claim_result('stale', attempt) end
    if attempt == wanted then return claim_result(state, attempt, had, true) end
    if state == 'occupied' then return claim_result(state, attempt, had) end
  end
  local retained = attempt and state == 'held' and retain == '1' and had
  if attempt and not retained then give_back(referral, attempt, state, had) end
  local names, tiers = read_candidates(joined)
  local result = claim_result('held', wanted)
  local best = choose(names, tiers, result, retained)
  if retained and best ~= retained then give_back(referral, attempt, state, had) end
  if best then
    redis.call('SET', key, claim_of(wanted, 'held', rank, best))
    if best == retained then
      emit('held', best, referral, wanted, 'kept', 1)
    else
      programmes[best].held = programmes[best].held + 1
      emit('held', best, referral, wanted)
    end
    result[3] = best
  else
    for i = 1, #names do redis.call('ZADD', queue(names[i]), rank, referral) end
    if trace ~= '' then redis.call('SET', trace_key(referral), trace, 'PX', REMEMBERED) end
    local queues = table.concat(names, ' ')
    redis.call('SET', key, claim_of(wanted, 'waiting', rank, queues))
    append('type', 'queued', 'at', now, 'referral', referral, 'attempt', digits(wanted), 'rank', rank,
      'programmes', queues)
    result[1] = 'waiting'
  end
  return result
end

return for_each_claim(7, claim)
