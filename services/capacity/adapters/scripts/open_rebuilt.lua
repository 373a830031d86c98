-- Open the rebuilt generation: emit all programmes' figures, and hand free places to waiting referrals by rank.
--
-- ARGV[5] epoch
-- Result  {'rebuilding'} when another rebuild has begun | {'ok', epoch, sequence, how many places were handed over}

local got = redis.call('HMGET', KEYS[1], '@epoch', '@sequence')
if got[1] == ARGV[5] then return {'ok', got[1], tonumber(got[2]), 0} end
if not rebuilding_as(ARGV[5]) then return {'rebuilding'} end

local all, names = redis.call('HGETALL', KEYS[1]), {}
for i = 1, #all, 2 do
  if string.sub(all[i], 1, 1) ~= '@' then
    names[#names + 1] = all[i]
    programmes[all[i]] = parse(all[i + 1])
  end
end
table.sort(names)
for _, id in ipairs(names) do emit('set', id, '') end
local figures = sequence
for _, id in ipairs(names) do hand_over(id) end
redis.call('HDEL', KEYS[1], '@rebuilding')
redis.call('HSET', KEYS[1], '@epoch', epoch)
local handed_over = sequence - figures
finish()
return {'ok', epoch, sequence, handed_over}
