-- Restore claims from the record, without a step or hand-over. An existing claim is left as it is.
--
-- KEYS[3...] the referrals' claims
-- ARGV[5] epoch, ARGV[6...] for each: referral, attempt, state, rank, programmes joined by spaces
-- Result  {'rebuilding'} when another rebuild has begun | {'ok', each refused referral, which has a place of a
--         programme that was not restored}

if not rebuilding_as(ARGV[5]) then return {'rebuilding'} end

local function restore(key, referral, attempt, state, rank, names)
  if state == 'none' then
    redis.call('SET', key, claim_of(attempt, 'none'), 'PX', REMEMBERED)
    return true
  end
  if state == 'waiting' then
    for name in string.gmatch(names, '%S+') do redis.call('ZADD', queue(name), rank, referral) end
  else
    local p = programme(names)
    if not p then return false end
    p[state] = p[state] + 1
    changed[names] = record_of(p)
  end
  redis.call('SET', key, claim_of(attempt, state, rank, names))
  return true
end

local result = {'ok'}
for i = 3, #KEYS do
  local at = (i - 3) * 5 + 6
  if redis.call('EXISTS', KEYS[i]) == 0 and not restore(KEYS[i], unpack(ARGV, at, at + 4)) then
    result[#result + 1] = ARGV[at]
  end
end
for id, record in pairs(changed) do redis.call('HSET', KEYS[1], id, record) end
return result
