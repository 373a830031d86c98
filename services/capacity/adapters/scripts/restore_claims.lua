-- Put claims back as the record has them: no step, no hand-over. A claim that is there already is left as it is.
--
-- KEYS[3...] the referrals' claims
-- ARGV[5] epoch, ARGV[6] how long the mark of a claim that was given back is kept (ms),
-- ARGV[7...] for each: referral, attempt, state, rank, programmes joined by spaces
-- Result  {'rebuilding'} when another rebuild has begun | {'ok', for each refused its referral}; refused is who has a
--         place of a programme that is not there

if not rebuilding_as(ARGV[5]) then return {'rebuilding'} end

local function restore(key, referral, attempt, state, rank, names)
  if state == 'none' then
    redis.call('SET', key, attempt .. ' none', 'PX', ARGV[6])
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
  redis.call('SET', key, attempt .. ' ' .. state .. ' ' .. rank .. ' ' .. names)
  return true
end

local result = {'ok'}
for i = 3, #KEYS do
  local at = (i - 3) * 5 + 7
  if redis.call('EXISTS', KEYS[i]) == 0 and not restore(KEYS[i], unpack(ARGV, at, at + 4)) then
    result[#result + 1] = ARGV[at]
  end
end
for id, record in pairs(changed) do redis.call('HSET', KEYS[1], id, record) end
return result
